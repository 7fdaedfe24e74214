"""What the program promises never to do, tried by machine; ``python -m tests.reliability`` prints the table of docs/RELIABILITY.md."""

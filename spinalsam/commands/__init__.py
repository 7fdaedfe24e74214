"""The commands, one module each: NAME, HELP, add_arguments(parser) and run(options). Importing them is cheap."""

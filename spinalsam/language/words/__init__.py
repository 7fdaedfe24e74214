"""The words of the parser: lexicons in English and Chinese, and the plain tables beside them."""

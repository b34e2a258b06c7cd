"""Sources of rows, and the threads that work on them: all parallel work of the library runs here."""

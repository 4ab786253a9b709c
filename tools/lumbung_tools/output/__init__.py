"""How results reach people and programs: exit codes, sentences, tables, progress and JSON."""

"""What is kept, written out as files that stand alone: knows their forms, not how anything in them came about."""

"""SAY WHAT IS WANTED: text in, a plan or all errors out."""

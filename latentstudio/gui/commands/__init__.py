"""What the actions do, one file per group of menus; each gives the lines of the action table it fills."""

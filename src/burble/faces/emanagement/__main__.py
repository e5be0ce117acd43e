"""`python -m burble.faces.emanagement`."""

from burble.faces.emanagement import main

main()

"""Apache's configuration file as far as the lab's image needs it: directives, log formats, what a request gets."""

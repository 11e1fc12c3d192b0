"""One container: image, secrets, process, memory, health, and the guard over them."""

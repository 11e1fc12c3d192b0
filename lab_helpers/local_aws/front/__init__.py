"""An HTTP call understood, checked and answered in its protocol's form."""

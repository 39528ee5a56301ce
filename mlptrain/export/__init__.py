"""Trained models in other tools' forms, and back: one file per form, over one description of the
network (`network.py`) and one table of what each form can say (`spellings.py`)."""

"""Where arrays live and what computes with them; the engine asks for nothing else."""

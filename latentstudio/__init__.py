"""LatentStudio: a desktop instrument for the latent spaces of generative models."""

__version__ = "0.1.0"

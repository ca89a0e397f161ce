"""Statistics of latent codes: prior geometry, paths, transport maps, moments and distances. Tensors in, numbers out."""

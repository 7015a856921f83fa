"""The built-in readers: score files to regions, motif files to motifs."""

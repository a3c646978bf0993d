"""Many pictures, classified in parts by several processes or machines, without PyTorch."""

"""The REST service `mien serve`: FastAPI and uvicorn around a bundle; without PyTorch."""

"""Measurements that the documents cite, one command each."""

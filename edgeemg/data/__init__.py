"""Recordings on disk (EMG-BIDS), importers into them, and generated EMG."""

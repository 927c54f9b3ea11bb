"""Proteins and DNA from FASTA files, tables and profiles."""

"""The product's API: names, reasons, CRDs and the model. Imports nothing, so that helmtest stays small."""

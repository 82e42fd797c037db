"""Models: mmsegmentation components, configs, packs, predictors, training."""

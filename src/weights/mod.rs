//! Pretrained weights: the hub, Lightning checkpoints and plain state dicts.

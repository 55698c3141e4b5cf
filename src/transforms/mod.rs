//! Random augmentations with the semantics of torchvision on PIL images.

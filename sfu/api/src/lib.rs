//! Every word that signalling and a media node may say to each other.

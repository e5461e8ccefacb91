//! The model of the store: what every answer is compared with.

//! Tests of the mutator.

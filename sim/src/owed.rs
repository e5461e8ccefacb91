//! What is owed: where an invariant is enforced, and where it is only watched. Pure, small, tested by itself.

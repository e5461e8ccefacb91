//! Slots: how a byte of an input chooses from a table, so that inputs keep their meaning when tables grow.

/// The index that `byte` stands for in a table that has `length` entries now, and had `frozen` ones when the meaning of all
/// 256 bytes was fixed.
///
/// A byte below `length` is an index. Every other byte means what it meant with `frozen` entries: the index modulo that
/// number. So a new entry, which goes to the end of its table, takes one byte value from an entry that has another one, and
/// changes the meaning of no other byte. What an encoder writes is always an index, and never changes its meaning.
///
/// ```
/// use sim::plan::slots::slot;
///
/// assert_eq!((slot(31, 32, 32), slot(32, 32, 32), slot(33, 32, 32)), (31, 0, 1));
/// assert_eq!((slot(31, 33, 32), slot(32, 33, 32), slot(33, 33, 32)), (31, 32, 1));
/// ```
///
/// # Panics
/// When `frozen` is 0.
pub fn slot(byte: u8, length: usize, frozen: usize) -> usize {
    let byte = usize::from(byte);
    if byte < length { byte } else { byte % frozen }
}

/// How many entries each table had when the meaning of all bytes was fixed; these numbers never change.
pub(super) mod frozen {
    pub const KINDS: usize = 32;
    pub const WATCHES: usize = 36;
    pub const LIE_KINDS: usize = 12;
    pub const FIELDS: usize = 22;
    pub const HOWS: usize = 11;
}

pub(super) fn pick<T: Copy>(table: &[T], frozen: usize, byte: u8) -> T {
    table[slot(byte, table.len(), frozen)]
}

/// The index in the table; what is not in it becomes the first.
pub(super) fn number<T: PartialEq>(table: &[T], value: &T) -> u8 {
    table.iter().position(|other| other == value).unwrap_or(0) as u8
}

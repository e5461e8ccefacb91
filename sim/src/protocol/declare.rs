//! The macro that declares observations.

/// Declares the observations. From one entry follow the variant, its number ([`Observation::kind`], pinned, since digests
/// contain it), its bit for lists of interests ([`kinds`]), its part of a trace's digest, and samples for tests.
///
/// An entry is `number BIT Variant { fields } digest pairs;`. The pairs are the words that the digest takes in; the first
/// word of the first pair has 32 bits. Without `digest`, the first field goes into the first pair and each other field is a
/// pair or more of its own ([`Digested`]): that is right for a new entry, while `digest` keeps the digests of old ones.
macro_rules! observations {
    ($(
        $(#[$doc:meta])*
        $number:literal $bit:ident $name:ident
        $({ $($(#[$field_doc:meta])* $field:ident: $type:ty,)* } $(digest $($pair:expr),+)?)?;
    )*) => {
        /// One thing that happened. Who it happened to, and when, is in [`Seen`].
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Observation {
            $($(#[$doc])* $name $({ $($(#[$field_doc])* $field: $type,)* })?,)*
        }

        /// The kinds of observations as bits, for lists of interests.
        #[allow(dead_code, reason = "not every kind is in some list")]
        pub(crate) mod kinds {
            $(pub const $bit: u128 = 1 << $number;)*
        }

        /// How many kinds of observations there are (`Observation::kind` is below it).
        pub const OBSERVATION_KINDS: usize = [$($number),*].len();

        impl Observation {
            /// The observation's kind as a small number, for tables.
            pub fn kind(&self) -> usize {
                match self {
                    $(Observation::$name { .. } => $number,)*
                }
            }

            /// Hands out the pairs of words that a digest is made of: every field is in them. `head` is what the digest
            /// says of an observation of every kind, in 32 bits.
            #[inline]
            pub(crate) fn digest(&self, head: u64, pair: &mut impl FnMut(u64, u64)) {
                match *self {
                    $(Observation::$name $({ $($field),* })? => {
                        digest_pairs!(head, pair, $([$($field)*] $($($pair),+)?)?);
                    })*
                }
            }
        }

        /// Of each kind some observations: a first one, and for each further sample of a field one that differs in it alone.
        #[cfg(test)]
        pub(crate) fn samples() -> Vec<Observation> {
            let mut all = Vec::new();
            $(sample!(all, $name $({ $($field: $type),* })?);)*
            all
        }
    };
}

macro_rules! digest_pairs {
    ($head:ident, $pair:ident,) => { $pair($head, 0) };
    ($head:ident, $pair:ident, [$first:ident $($rest:ident)*]) => {{
        $pair($head, Word::word($first));
        $(Digested::pairs($rest, $pair);)*
    }};
    ($head:ident, $pair:ident, [$($field:ident)*] $first:expr $(, $rest:expr)*) => {{
        let (small, word) = $first;
        $pair($head | small << 32, word);
        $({
            let (x, y) = $rest;
            $pair(x, y);
        })*
    }};
}

#[cfg(test)]
macro_rules! sample {
    ($all:ident, $name:ident) => { $all.push(Observation::$name) };
    ($all:ident, $name:ident { $($field:ident: $type:ty),* }) => {
        let first = || Observation::$name { $($field: <$type as Digested>::samples()[0]),* };
        $all.push(first());
        $(
            for sample in <$type as Digested>::samples().into_iter().skip(1) {
                let mut other = first();
                if let Observation::$name { $field, .. } = &mut other {
                    *$field = sample;
                }
                $all.push(other);
            }
        )*
    };
}

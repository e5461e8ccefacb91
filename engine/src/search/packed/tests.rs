//! Tests of the packed corpus: round trips, malformed files, and names that must not leave the folder.

use super::*;

fn sample() -> Packed {
    let inputs = [("clock_drift", vec![0; 16]), ("0a1b", vec![]), ("view-led.twice_2", vec![7; INPUT_BYTES_MAX])];
    Packed { inputs: inputs.map(|(name, input)| (name.to_string(), input)).into() }
}

/// A file with this body and a valid header.
fn with_body(body: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(FORMAT_VERSION.to_le_bytes());
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(crc32fast::hash(body).to_le_bytes());
    bytes.extend(body);
    bytes
}

fn entry(name: &[u8], stated: u32, input: &[u8]) -> Vec<u8> {
    [&[name.len() as u8], name, &stated.to_le_bytes()[..], input].concat()
}

#[test]
fn packing_round_trips() {
    for packed in [sample(), Packed::default()] {
        let bytes = packed.encode().unwrap();
        assert_eq!(Packed::decode(&bytes), Ok(packed));
    }
}

#[test]
fn the_bytes_are_those_of_the_documentation() {
    let inputs = [("b", vec![1, 2]), ("a", vec![])].map(|(name, input)| (name.to_string(), input));
    let body = [1, b'a', 0, 0, 0, 0, 1, b'b', 2, 0, 0, 0, 1, 2];
    assert_eq!(Packed { inputs: inputs.into() }.encode().unwrap(), with_body(&body));
}

#[test]
fn changed_bytes_and_lengths_are_rejected() {
    let mut packed = sample();
    packed.inputs.retain(|_, input| input.len() < 100);
    let good = packed.encode().unwrap();
    for index in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[index] ^= 1 << bit;
            assert!(Packed::decode(&bytes).is_err(), "bit {bit} of byte {index}");
        }
        assert!(Packed::decode(&good[..index]).is_err(), "the first {index} bytes");
    }
    assert!(Packed::decode(&[&good[..], &[0]].concat()).is_err(), "a byte more");
}

#[test]
fn each_way_to_be_malformed_has_its_own_error() {
    let good = sample().encode().unwrap();
    let mut newer = good.clone();
    newer[8] = 2;
    assert_eq!(Packed::decode(&[]), Err(PackedError::NotPacked));
    assert_eq!(Packed::decode(b"a text"), Err(PackedError::NotPacked));
    assert_eq!(Packed::decode(&good[..10]), Err(PackedError::TooShort(10)));
    assert_eq!(Packed::decode(&newer), Err(PackedError::Version(2)));
    assert!(matches!(Packed::decode(&good[..100]), Err(PackedError::Length { .. })));
    assert_eq!(Packed::decode(&vec![0; FILE_BYTES_MAX + 1]), Err(PackedError::TooLarge));
    let of_body = |body: &[u8]| Packed::decode(&with_body(body));
    let two = [entry(b"b", 0, &[]), entry(b"a", 0, &[])].concat();
    assert_eq!(of_body(&two), Err(PackedError::Input(2, ORDER)));
    assert_eq!(of_body(&entry(b"a", 0, &[]).repeat(2)), Err(PackedError::Input(2, ORDER)), "a name comes once");
    assert_eq!(of_body(&entry(b"a", 3, &[1, 2])), Err(PackedError::Input(1, CUT_OFF)));
    assert_eq!(of_body(&[9, b'a']), Err(PackedError::Input(1, CUT_OFF)));
    assert_eq!(of_body(&[1, b'a', 0, 0]), Err(PackedError::Input(1, CUT_OFF)));
    assert_eq!(of_body(&entry(b"a", u32::MAX, &[])), Err(PackedError::Input(1, TOO_LONG)));
    for error in [PackedError::TooMany, PackedError::Damaged, PackedError::Input(3, NAME)] {
        assert_eq!(error.to_string().lines().count(), 1);
    }
}

#[test]
fn names_with_paths_hidden_files_or_control_characters_are_rejected() {
    let long = "x".repeat(NAME_BYTES_MAX + 1);
    let bad =
        ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", ".hidden", "-rf", "a\0", "a\nb", "\u{1b}[2J", "C:x"];
    for name in bad.into_iter().chain(["a b", "ä", "id:000000,src:000001", long.as_str()]) {
        assert!(!is_plain_name(name), "{name:?}");
        let error = Err(PackedError::Input(1, NAME));
        assert_eq!(Packed::decode(&with_body(&entry(name.as_bytes(), 0, &[]))), error, "{name:?}");
        let packed = Packed { inputs: [(name.to_string(), Vec::new())].into() };
        assert_eq!(packed.encode(), Err(PackedError::Input(1, NAME)), "{name:?}");
    }
    assert_eq!(Packed::decode(&with_body(&entry(&[0xFF], 0, &[]))), Err(PackedError::Input(1, NAME)), "no text");
    assert!(is_plain_name(&long[1..]) && is_plain_name("view-led-twice.2") && is_plain_name("0"));
}

#[test]
fn unreadable_corpora_are_not_encoded() {
    let of = |inputs: BTreeMap<String, Vec<u8>>| Packed { inputs }.encode();
    assert_eq!(of([("a".into(), vec![0; INPUT_BYTES_MAX + 1])].into()), Err(PackedError::Input(1, TOO_LONG)));
    let name = |number: usize| format!("{number:x}");
    assert_eq!(of((0..=INPUTS_MAX).map(|it| (name(it), Vec::new())).collect()), Err(PackedError::TooMany));
    let large = FILE_BYTES_MAX / INPUT_BYTES_MAX;
    assert_eq!(of((0..large).map(|it| (name(it), vec![0; INPUT_BYTES_MAX])).collect()), Err(PackedError::TooLarge));
}

#[test]
fn too_many_inputs_are_rejected() {
    let body: Vec<u8> = (0..=INPUTS_MAX).flat_map(|number| entry(format!("{number:06}").as_bytes(), 0, &[])).collect();
    assert_eq!(Packed::decode(&with_body(&body)), Err(PackedError::TooMany));
}

/// Random bytes: the reader must return, and what it accepts must have one encoding.
#[test]
fn the_reader_returns_for_random_bodies() {
    let mut accepted = 0;
    for seed in 0..60_000_u32 {
        let mut body = [0; 40];
        blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut body);
        let length = usize::from(body[39]) % 16;
        // Small lengths and plain letters, so that some files pass the first checks.
        body[..39].iter_mut().for_each(|byte| *byte = b"\0\0\0\0\0\0\x01\x01\x02ab."[usize::from(*byte) % 12]);
        let bytes = with_body(&body[..length]);
        if let Ok(packed) = Packed::decode(&bytes) {
            assert_eq!(packed.encode(), Ok(bytes));
            accepted += usize::from(!packed.inputs.is_empty());
        }
    }
    assert!(accepted > 10, "only {accepted}");
}

#[test]
fn an_endless_file_is_read_up_to_the_limit() {
    if cfg!(target_os = "linux") {
        let error = Packed::read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(error.contains("/dev/zero: larger than"), "{error}");
    }
    assert!(matches!(Packed::read(Path::new("/nowhere/at/all.corpus")), Err(Error::Io(_))));
}

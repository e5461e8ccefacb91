//! What is written comes back; what was touched does not.

use sim::plan::Trigger;
use sim::{Action, ActionKind, Config, Mark, ReplicaId, ReplicaSet, Target, When};

use super::*;

fn sample() -> Kmb {
    let case = Case {
        system: "vsr".into(),
        scenario: "baseline".into(),
        config: Config::default(),
        seed: 0x0123_4567_89AB_CDEF,
        liars: ReplicaSet(0),
        actions: vec![
            Action { when: When::At(5_000_000), what: ActionKind::PowerLoss { down: 1_000 } },
            Action {
                when: When::After { watch: Trigger::Committed, replica: Some(ReplicaId(2)), count: 3, delay: 17 },
                what: ActionKind::Crash { target: Target::Subject, down: 250_000_000 },
            },
        ],
        bugs: vec!["commit_early".into()],
        marks: vec![Mark::Committed(5)],
    };
    Kmb {
        vopr_version: "0.1.0".into(),
        system_version: "0.1.0".into(),
        case,
        origin: Origin::Fuzz { target: "combined".into(), input: vec![1, 2, 3] },
        expected: Some(Violation {
            invariant: "vsr_agreement".into(),
            rule: "two entries at one op".into(),
            at: 12_345,
            event: 678,
            replicas: ReplicaSet(0b101),
            expected: "entry a".into(),
            seen: "entry b".into(),
        }),
        digest: Some(42),
    }
}

/// The bytes of a file with this body, its checksum right.
fn with_body(body: &[u8], hash: [u8; 32]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(FORMAT_VERSION.to_le_bytes());
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(crc32fast::hash(body).to_le_bytes());
    bytes.extend(hash);
    bytes.extend(body);
    bytes
}

#[test]
fn what_is_written_comes_back() {
    let kmb = sample();
    assert_eq!(Kmb::decode(&kmb.encode().unwrap()), Ok(kmb.clone()));
    let bare = Kmb { expected: None, digest: None, origin: Origin::Run { seed: 1, scenario: "x".into() }, ..kmb };
    assert_eq!(Kmb::decode(&bare.encode().unwrap()), Ok(bare));
}

#[test]
fn the_page_has_the_version_of_the_format() {
    let page = include_str!("../../../../docs/kmb.md");
    assert!(page.contains(&format!("| version of the format: {FORMAT_VERSION} ")), "docs/kmb.md");
}

#[test]
fn the_name_depends_on_the_case_alone() {
    let kmb = sample();
    let same = Kmb { digest: Some(43), ..kmb.clone() };
    assert_eq!(kmb.name(), same.name());
    assert_eq!(kmb.name().len(), 12);
    let mut other = kmb.clone();
    other.case.seed += 1;
    assert_ne!(kmb.name(), other.name());
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = sample().encode().unwrap();
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << bit;
            let error = Kmb::decode(&damaged).expect_err("a flipped bit");
            assert!(!error.to_string().contains('\n'), "one line: {error}");
        }
        let mut damaged = bytes.clone();
        damaged[index] = !damaged[index];
        assert!(Kmb::decode(&damaged).is_err(), "byte {index} inverted");
    }
}

#[test]
fn every_prefix_is_refused() {
    let bytes = sample().encode().unwrap();
    for length in 0..bytes.len() {
        assert!(Kmb::decode(&bytes[..length]).is_err(), "the first {length} bytes");
    }
    assert_eq!(Kmb::decode(&bytes[..20]), Err(KmbError::TooShort(20)));
    assert_eq!(Kmb::decode(b""), Err(KmbError::NotAKmb));
}

#[test]
fn a_body_with_a_right_checksum_and_any_wrong_byte_never_panics() {
    let kmb = sample();
    let bytes = kmb.encode().unwrap();
    let (body, hash) = (&bytes[HEADER_BYTES..], case_hash(&kmb.case));
    for index in 0..body.len() {
        for value in [0, 1, 63, 64, 127, 128, 250, 251, 252, 253, 254, 255] {
            let mut changed = body.to_vec();
            changed[index] = value;
            // Some changes are to fields outside the case: those cannot be told from a file that vopr wrote.
            let _ = Kmb::decode(&with_body(&changed, hash));
        }
        assert!(Kmb::decode(&with_body(&body[..index], hash)).is_err(), "the first {index} bytes of the body");
    }
}

#[test]
fn lengths_that_lie_are_refused_without_allocating_them() {
    for lie in [u64::MAX, u64::from(u32::MAX), 1 << 40, 1 << 20] {
        let mut body = vec![253];
        body.extend(lie.to_le_bytes());
        assert!(matches!(Kmb::decode(&with_body(&body, [0; 32])), Err(KmbError::Malformed(_))));
    }
}

#[test]
fn each_way_to_be_wrong_has_its_own_error() {
    let kmb = sample();
    let bytes = kmb.encode().unwrap();
    assert_eq!(Kmb::decode(&vec![0; FILE_BYTES_MAX + 1]), Err(KmbError::TooLarge));
    assert_eq!(Kmb::decode(b"hello, world"), Err(KmbError::NotAKmb));
    let mut newer = bytes.clone();
    newer[8] += 1;
    assert_eq!(Kmb::decode(&newer), Err(KmbError::Version(FORMAT_VERSION + 1)));
    assert!(KmbError::Version(FORMAT_VERSION + 1).to_string().contains("use a newer one"));
    let mut older = bytes.clone();
    older[8] -= 1;
    assert_eq!(Kmb::decode(&older), Err(KmbError::Version(FORMAT_VERSION - 1)));
    let message = KmbError::Version(FORMAT_VERSION - 1).to_string();
    assert!(message.contains("older") && !message.contains("use a newer one"), "{message}");
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(Kmb::decode(&longer), Err(KmbError::Length { .. })));
    let mut body = bytes[HEADER_BYTES..].to_vec();
    body.extend([0, 0]);
    assert_eq!(Kmb::decode(&with_body(&body, case_hash(&kmb.case))), Err(KmbError::TrailingBytes(2)));
    assert_eq!(Kmb::decode(&with_body(&bytes[HEADER_BYTES..], [7; 32])), Err(KmbError::WrongCase));
    assert!(matches!(Kmb::decode(&with_body(&[0xFF; 10], [7; 32])), Err(KmbError::Malformed(_))));
}

/// A file as an older vopr wrote it, before the last setting existed; and one of a newer vopr, with a setting that is not known.
#[test]
fn a_file_outlives_new_settings_but_not_unknown_ones() {
    let kmb = sample();
    let body = kmb.encode().unwrap()[HEADER_BYTES..].to_vec();
    let with_name = |from: &str, to: &str| {
        let at = body.windows(from.len()).position(|bytes| bytes == from.as_bytes()).expect("the setting is there");
        let mut changed = body.clone();
        changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        let decoded: Result<(Kmb, usize), _> = bincode::serde::decode_from_slice(&changed, CODEC);
        decoded.map(|(kmb, _)| kmb).map_err(|error| error.to_string())
    };
    let error = with_name("workload.tenants", "workload.planets").unwrap_err();
    assert!(error.contains("there is no setting workload.planets"), "{error}");
    let mut settings: Vec<_> = kmb.case.config.settings();
    settings.retain(|setting| setting.name != "heal_max");
    let pairs: Vec<(&str, u64)> = settings.iter().map(|setting| (setting.name, setting.value)).collect();
    let bytes = bincode::serde::encode_to_vec(pairs, CODEC).unwrap();
    let (config, _): (sim::Config, usize) = bincode::serde::decode_from_slice(&bytes, CODEC).unwrap();
    assert_eq!(config, sim::Config { heal_max: sim::Config::default().heal_max, ..kmb.case.config });
}

/// The hash in the header is over the case as the file has it, with fewer settings than there are now.
#[test]
fn the_name_of_an_older_file_is_that_of_what_stands_in_it() {
    let kmb = sample();
    let body = kmb.encode().unwrap()[HEADER_BYTES..].to_vec();
    let whole = bincode::serde::encode_to_vec(&kmb.case.config, CODEC).unwrap();
    let mut settings: Vec<_> = kmb.case.config.settings().iter().map(|it| (it.name, it.value)).collect();
    let gone = settings.iter().position(|(name, _)| *name == "cluster.clock_ping").unwrap();
    settings.remove(gone);
    let fewer = bincode::serde::encode_to_vec(settings, CODEC).unwrap();
    let replaced = |bytes: &[u8]| {
        let at = bytes.windows(whole.len()).position(|part| part == whole).expect("the configuration is there");
        [&bytes[..at], &fewer, &bytes[at + whole.len()..]].concat()
    };
    let case = replaced(&bincode::serde::encode_to_vec(&kmb.case, CODEC).unwrap());
    let older = with_body(&replaced(&body), *blake3::hash(&case).as_bytes());
    assert_eq!(Kmb::decode(&older).unwrap(), kmb);
}

#[test]
fn a_case_that_cannot_be_run_is_refused() {
    let refused = |change: fn(&mut Kmb)| {
        let mut kmb = sample();
        change(&mut kmb);
        let error = Kmb::decode(&kmb.encode().unwrap());
        assert!(matches!(error, Err(KmbError::OutOfBounds(_))), "{error:?}");
    };
    refused(|kmb| kmb.case.config.cluster.replicas = 200);
    refused(|kmb| kmb.case.config.workload.requests = u32::MAX);
    refused(|kmb| kmb.case.liars = ReplicaSet(0b1000_0000));
    refused(|kmb| kmb.case.scenario = "\u{1b}[2J".into());
    refused(|kmb| kmb.case.bugs = vec!["x".into(); 129]);
    refused(|kmb| kmb.case.actions[0].when = When::At(u64::MAX));
    refused(|kmb| kmb.case.actions = vec![kmb.case.actions[0]; 300]);
    refused(|kmb| kmb.case.actions[0].what = ActionKind::Pause { target: Target::Replica(ReplicaId(8)), duration: 1 });
    refused(|kmb| kmb.origin = Origin::Fuzz { target: "combined".into(), input: vec![0; INPUT_BYTES_MAX + 1] });
}

#[test]
fn files_are_written_whole_and_never_over_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("a/b");
    let kmb = sample();
    let first = kmb.write_new(&below).unwrap();
    let second = kmb.write_new(&below).unwrap();
    assert_ne!(first, second);
    for path in [first, second] {
        assert_eq!(Kmb::read(&path).unwrap(), kmb);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("failure-2"), "{name}");
        assert_eq!(path.extension(), Some("kmb".as_ref()));
    }
}

#[test]
fn an_endless_file_is_read_no_further_than_the_limit() {
    if cfg!(target_os = "linux") {
        assert!(matches!(Kmb::read(Path::new("/dev/zero")), Err(ReadError::Content(KmbError::TooLarge))));
    }
    let missing = Kmb::read(Path::new("/nowhere/at/all.kmb"));
    assert!(matches!(missing, Err(ReadError::Io(_))));
}

/// The files that are shipped, of all ages: what is read of one is written as it was, so no type in the body has changed.
#[test]
fn shipped_files_are_written_as_they_were_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![root.join("corpus/regressions"), root.join("docs/findings")];
    let (mut files, mut whole) = (0, 0);
    while let Some(folder) = folders.pop() {
        for path in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "kmb") {
                let bytes = std::fs::read(&path).unwrap();
                let kmb = Kmb::decode(&bytes).unwrap();
                let (body, written) = (&bytes[HEADER_BYTES..], kmb.encode().unwrap());
                // An older file has fewer settings in its case, and the rest as it would be written now.
                let (case, case_now) =
                    (kmb.case_bytes(body).unwrap(), kmb.case_bytes(&written[HEADER_BYTES..]).unwrap());
                let at = written.windows(case_now.len()).position(|part| part == case_now).unwrap();
                assert!(
                    [&written[HEADER_BYTES..at], case, &written[at + case_now.len()..]].concat() == body,
                    "{}",
                    path.display()
                );
                files += 1;
                whole += usize::from(written == bytes);
            }
        }
    }
    assert!(files > 40 && whole > 0, "{whole} of {files} files");
}

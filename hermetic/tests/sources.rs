//! A test for each source of nondeterminism: inside a run it follows from the seed, outside it behaves as usual.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand_08::Rng;

/// The values of `draw` in two runs of the same seed, in a run of another seed, and outside of a run.
fn draws<T: Send>(draw: impl Fn() -> T + Sync) -> [T; 4] {
    [hermetic::run(7, &draw), hermetic::run(7, &draw), hermetic::run(8, &draw), draw()]
}

fn follows_the_seed<T: Send + PartialEq + std::fmt::Debug>(draw: impl Fn() -> T + Sync) {
    let [first, second, other, outside] = draws(&draw);
    assert_eq!(first, second, "equal seeds");
    assert_ne!(first, other, "another seed");
    assert_ne!(first, outside, "outside of a run");
    assert_ne!(outside, std::thread::scope(|scope| scope.spawn(&draw).join().unwrap()), "twice outside");
}

#[test]
fn instants() {
    let elapsed = hermetic::run(1, || {
        hermetic::set_clocks(5_000_000_000, 0);
        let start = Instant::now();
        std::thread::yield_now();
        assert_eq!(start.elapsed(), Duration::ZERO, "time stands still");
        hermetic::set_clocks(7_000_000_123, 0);
        start.elapsed()
    });
    assert_eq!(elapsed, Duration::new(2, 123));
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(2));
    assert!(start.elapsed() >= Duration::from_millis(2));
}

#[test]
fn wall_clocks() {
    let time = hermetic::run(1, || {
        hermetic::set_clocks(0, 1_234_567_890_123_456_789);
        SystemTime::now()
    });
    assert_eq!(time, UNIX_EPOCH + Duration::from_nanos(1_234_567_890_123_456_789));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(now > Duration::from_secs(1_700_000_000), "outside of a run it is now");
}

#[test]
fn keys_of_hash_maps() {
    follows_the_seed(|| (0..64).map(|key| (key, key)).collect::<HashMap<u8, u8>>().into_keys().collect::<Vec<_>>());
}

#[test]
fn getrandom_0_2() {
    follows_the_seed(|| {
        let mut bytes = [0; 21];
        getrandom_02::getrandom(&mut bytes).unwrap();
        bytes
    });
}

#[test]
fn getrandom_0_3() {
    follows_the_seed(|| {
        let mut bytes = [0; 21];
        getrandom_03::fill(&mut bytes).unwrap();
        bytes
    });
}

#[test]
fn getrandom_0_4() {
    follows_the_seed(|| {
        let mut bytes = [0; 21];
        getrandom_04::fill(&mut bytes).unwrap();
        bytes
    });
}

#[test]
fn thread_rng() {
    follows_the_seed(|| rand_08::thread_rng().r#gen::<u64>());
}

#[test]
fn other_threads_of_the_process_are_not_touched() {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            hermetic::run(1, || {
                sender.send(()).unwrap();
                assert!(hermetic::inside());
                assert_eq!(SystemTime::now(), UNIX_EPOCH);
            });
        });
        receiver.recv().unwrap();
        assert!(!hermetic::inside());
        assert_ne!(SystemTime::now(), UNIX_EPOCH);
    });
}

#[test]
fn a_panic_ends_the_run_and_is_handed_on() {
    let panic = std::panic::catch_unwind(|| hermetic::run(1, || panic!("inside"))).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"inside"));
    assert_ne!(SystemTime::now(), UNIX_EPOCH);
}

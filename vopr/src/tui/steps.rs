//! The steps of a failing run: each observation, and the state of the replicas reconstructed from the observations so
//! far.
//!
//! A separate process records it (`vopr tui-steps FILE`), because the system under test may hang or die. It returns
//! JSON with bounds on size and time.

use std::io::{BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sim::observers::cluster_view::{ClusterView, ReplicaView};
use sim::protocol::reason::Status;
use sim::{Observation, Outcome, Seen, Verdict, Who};

use engine::base::error::Error;
use engine::base::format;
use engine::cases::kmb::Kmb;
use engine::cases::subprocess;
use engine::cases::systems::Engine;

/// The number of steps that are kept. Of a longer run, these are the last ones.
const STEPS_MAX: usize = 200_000;
/// The maximum number of bytes read from the recording process.
const BYTES_MAX: u64 = 256 << 20;
/// The error message for a process whose output is truncated.
const DIED: &str = "the process that ran it died";

/// An observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The virtual time.
    pub at: u64,
    /// During which event.
    pub event: u64,
    /// The replica, client or world.
    pub who: Who,
    /// The observation as text.
    pub text: String,
    /// The kind.
    pub kind: Kind,
    /// The state of its replica, if it has changed.
    pub state: Option<State>,
}

/// The kind of a step, for searching and filtering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A message is sent, delivered or lost.
    Message,
    /// A fault or its consequence: crashes, restarts, lies, damage.
    Fault,
    /// A step of a view change.
    ViewChange,
    /// The violation.
    Violation,
    /// Any other notable observation.
    Notable,
    /// Any other observation.
    Other,
}

/// The reconstructed state of a replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The condition.
    pub condition: Condition,
    /// Whether it is the primary of its view.
    pub primary: bool,
    /// Its view.
    pub view: u64,
    /// The last op of its log.
    pub op: u64,
    /// Its commit number.
    pub commit: u64,
}

/// The condition of a replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // The variants are explained by `Condition::words`.
pub enum Condition {
    Normal,
    ViewChange,
    #[default]
    Recovering,
    Loading,
    Paused,
    Down,
}

impl Condition {
    /// The condition as text.
    pub fn words(self) -> &'static str {
        match self {
            Condition::Normal => "normal",
            Condition::ViewChange => "view change",
            Condition::Recovering => "recovering",
            Condition::Loading => "reading disk",
            Condition::Paused => "paused",
            Condition::Down => "down",
        }
    }
}

impl From<&ReplicaView> for State {
    fn from(replica: &ReplicaView) -> Self {
        let condition = match replica.status {
            _ if !replica.up => Condition::Down,
            _ if replica.paused => Condition::Paused,
            _ if replica.loading => Condition::Loading,
            Status::Normal => Condition::Normal,
            Status::ViewChange => Condition::ViewChange,
            Status::Recovering => Condition::Recovering,
        };
        let ReplicaView { primary, view, commit, .. } = *replica;
        State { condition, primary, view, op: replica.op(), commit }
    }
}

/// A recorded run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The state of each replica before the first step.
    pub initial: Vec<State>,
    /// The liars.
    pub liars: Vec<u8>,
    /// The steps.
    pub steps: Vec<Step>,
    /// The number of earlier steps that were left out.
    pub left_out: usize,
    /// The broken invariant and its rule.
    pub violation: Option<(String, String)>,
    /// Whether the result is the one that the file expects, as text.
    pub comparison: String,
}

impl Recording {
    /// Runs a case and records it.
    pub fn of(kmb: &Kmb) -> Result<Recording, Error> {
        let mut engine = Engine::for_case(&kmb.case)?;
        let outcome = engine.run(&kmb.case, true);
        let mut shadow = ClusterView::default();
        shadow.reset(&kmb.case.config, kmb.case.liars);
        let mut states = vec![State::default(); shadow.replicas.len()];
        let mut steps = Vec::new();
        for seen in engine.recorded() {
            shadow.apply(seen);
            let mut state = None;
            if let Some(index) = seen.who.replica().map(sim::ReplicaId::index).filter(|index| *index < states.len()) {
                let now = State::from(&shadow.replicas[index]);
                state = (states[index] != now).then_some(now);
                states[index] = now;
            }
            let Seen { at, event, who, what } = *seen;
            steps.push(Step { at, event, who, text: format::happening(&what), kind: kind(&what), state });
        }
        let violation = match &outcome.verdict {
            Verdict::Violated(violation) => Some(violation),
            _ => None,
        };
        if let Some(violation) = violation {
            let place = steps.partition_point(|step| step.event <= violation.event);
            let text = format!(
                "{}: {}; expected {}; saw {}",
                violation.invariant,
                violation.rule,
                format::printable(&violation.expected),
                format::printable(&violation.seen)
            );
            let (at, event, who) = (violation.at, violation.event, Who::World);
            steps.insert(place, Step { at, event, who, text, kind: Kind::Violation, state: None });
        }
        let mut recording = Recording {
            initial: vec![State::default(); states.len()],
            liars: kmb.case.liars.iter().map(|liar| liar.0).collect(),
            steps,
            left_out: 0,
            violation: violation.map(|it| (it.invariant.to_string(), it.rule.to_string())),
            comparison: comparison(kmb, &outcome).to_string(),
        };
        recording.keep_the_last(STEPS_MAX);
        Ok(recording)
    }

    /// The state of each replica after a step.
    pub fn states(&self, step: usize) -> Vec<State> {
        let mut states: Vec<Option<State>> = vec![None; self.initial.len()];
        let mut missing = states.len();
        for Step { who, state, .. } in self.steps[..self.steps.len().min(step + 1)].iter().rev() {
            let place = who.replica().and_then(|replica| states.get_mut(replica.index()));
            if let (Some(place @ None), Some(_)) = (place, state) {
                *place = *state;
                missing -= 1;
                if missing == 0 {
                    break;
                }
            }
        }
        states.iter().zip(&self.initial).map(|(state, initial)| state.unwrap_or(*initial)).collect()
    }

    fn keep_the_last(&mut self, count: usize) {
        if let Some(last) = self.steps.len().checked_sub(count + 1) {
            self.initial = self.states(last);
            self.steps.drain(..=last);
            self.left_out += last + 1;
        }
    }
}

fn comparison(kmb: &Kmb, outcome: &Outcome) -> &'static str {
    match (&kmb.expected, &outcome.verdict) {
        (Some(expected), Verdict::Violated(violation)) if expected.matches(violation) => {
            if kmb.digest == Some(outcome.digest) { "reproduced" } else { "reproduced, on another trace" }
        }
        (Some(_), Verdict::Violated(_)) => "another violation than the file's",
        (Some(_), _) => "not reproduced: no violation",
        (None, Verdict::Violated(_)) => "a violation; the file has none",
        (None, _) => "no violation",
    }
}

fn kind(what: &Observation) -> Kind {
    use Observation as O;
    match what {
        O::Sent { .. } | O::Delivered { .. } | O::Dropped { .. } => Kind::Message,
        O::Injected { .. }
        | O::Skipped { .. }
        | O::Lied { .. }
        | O::Crashed
        | O::Restarted
        | O::Paused
        | O::Resumed
        | O::Panicked
        | O::DiskFailed
        | O::Damaged { .. }
        | O::Misread { .. }
        | O::Garbled { .. }
        | O::ClientCrashed { .. }
        | O::ClockSet { .. }
        | O::Healed => Kind::Fault,
        O::ViewChangeWanted { .. }
        | O::ViewChangeStarted { .. }
        | O::Voted { .. }
        | O::ViewStarted { .. }
        | O::StatusChanged { .. }
        | O::Abdicated { .. } => Kind::ViewChange,
        what if format::notable(what) => Kind::Notable,
        _ => Kind::Other,
    }
}

/// A recording in progress, in a separate process that ends when this value is dropped.
pub struct Recorder {
    child: Child,
    result: Receiver<Result<Recording, String>>,
    began: Instant,
    /// Whether its output was truncated.
    died: bool,
}

impl Recorder {
    /// Starts recording the run of a file.
    pub fn start(file: &Path) -> std::io::Result<Recorder> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["tui-steps", "--color", "never", "--"])
            .arg(file)
            // The process ends when its standard input closes.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (sender, result) = channel();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.map(|stderr| stderr.take(1 << 16).read_to_end(&mut text));
            let text = String::from_utf8_lossy(&text);
            format::printable(text.lines().last().unwrap_or_default().trim_start_matches("error: "))
        });
        std::thread::spawn(move || {
            let Some(stdout) = stdout else { return };
            let read = serde_json::from_reader(BufReader::new(stdout.take(BYTES_MAX)));
            let read = read.map_err(|error: serde_json::Error| match errors.join() {
                Ok(line) if !line.is_empty() => line,
                _ if error.is_eof() => DIED.to_string(),
                _ => format!("what its process said was not understood: {error}"),
            });
            let _ = sender.send(read);
        });
        Ok(Recorder { child, result, began: Instant::now(), died: false })
    }

    /// The recording, or the reason why there is none, once it is known.
    pub fn poll(&mut self) -> Option<Result<Recording, String>> {
        match self.result.try_recv() {
            // The output has ended, so the process has exited or is about to. The exit status is still needed.
            Ok(Err(why)) if why == DIED => self.died = true,
            Ok(result) => return Some(result),
            Err(TryRecvError::Disconnected) if !self.died => return Some(Err("nobody recorded it".to_string())),
            Err(_) => {}
        }
        if self.died
            && let Ok(Some(status)) = self.child.try_wait()
        {
            return Some(Err(format!("{DIED} ({status})")));
        }
        let why = subprocess::too_much(&self.child, self.began, subprocess::TIME_MAX, subprocess::MEGABYTES_MAX)?;
        Some(Err(format!("its run was ended: {why}")))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ReplicaId;

    fn step(replica: u8, view: u64) -> Step {
        let state = Some(State { view, ..State::default() });
        let who = Who::Replica(ReplicaId(replica));
        Step { at: 0, event: 0, who, text: String::new(), kind: Kind::Other, state }
    }

    fn recording() -> Recording {
        Recording {
            initial: vec![State::default(); 3],
            liars: Vec::new(),
            steps: vec![step(0, 1), step(1, 5), Step { state: None, ..step(1, 0) }, step(0, 2)],
            left_out: 0,
            violation: None,
            comparison: String::new(),
        }
    }

    fn views(recording: &Recording, step: usize) -> Vec<u64> {
        recording.states(step).iter().map(|state| state.view).collect()
    }

    #[test]
    fn the_states_after_a_step_are_the_last_recorded_ones() {
        let recording = recording();
        for (step, expected) in [(0, [1, 0, 0]), (2, [1, 5, 0]), (3, [2, 5, 0]), (99, [2, 5, 0])] {
            assert_eq!(views(&recording, step), expected);
        }
    }

    #[test]
    fn left_out_steps_still_affect_the_states() {
        let mut recording = recording();
        recording.keep_the_last(4);
        assert_eq!(recording.left_out, 0);
        recording.keep_the_last(2);
        assert_eq!((recording.steps.len(), recording.left_out), (2, 2));
        assert_eq!((views(&recording, 0), views(&recording, 1)), (vec![1, 5, 0], vec![2, 5, 0]));
    }

    #[test]
    fn a_regression_is_recorded_with_its_violation_and_the_states_of_the_end() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/regressions/view-led-twice.kmb");
        let kmb = Kmb::read(&file).unwrap();
        let recording = Recording::of(&kmb).unwrap();
        let bytes = serde_json::to_vec(&recording).unwrap();
        assert_eq!(serde_json::from_slice::<Recording>(&bytes).unwrap(), recording);
        let violations = recording.steps.iter().filter(|step| step.kind == Kind::Violation).count();
        assert_eq!(violations, usize::from(recording.violation.is_some()));
        assert!(recording.steps.is_sorted_by_key(|step| step.event));
        let last = recording.states(recording.steps.len() - 1);
        assert_eq!(last.len(), usize::from(kmb.case.config.cluster.replicas));
        assert!(last.iter().any(|state| state.commit > 0 && state.op >= state.commit), "{last:?}");
        for wanted in [Kind::Message, Kind::ViewChange, Kind::Fault] {
            assert!(recording.steps.iter().any(|step| step.kind == wanted), "{wanted:?}");
        }
    }
}

//! A program of its own: `vopr` with one more system, `dying`, whose planted bugs end the process instead of breaking an
//! invariant. The tests look with it whether a finding survives that; a program like it adds any other system.
//!
//! It models a service of one replica that answers and remembers everything, and leaves out all else.

#[path = "../src/libfuzzer.rs"]
mod libfuzzer;

use std::collections::BTreeMap;
use std::process::ExitCode;

use sim::config::model::Store;
use sim::config::spec::Cluster;
use sim::protocol::lie::{Liar, Lie, LieClass};
use sim::{
    Answer, Bug, Case, ClusterSpec, Env, IoId, IoResult, MessageKind, Observation, Operation, ReplicaId, Reply,
    Request, Status, System, TimerId, Zone,
};
use vopr::systems::SystemEntry;

/// The only replica that serves.
const SERVING: ReplicaId = ReplicaId(0);
/// Three cases of four are harmless, so that a campaign gets somewhere before it meets the bug.
const HARMLESS: std::ops::Range<u8> = 0..192;

const fn bug(name: &'static str, breaks: &'static str) -> Bug {
    Bug { name, breaks, caught_by: &[], origin: "the tests", target: "multi_tenant", scenarios: &[] }
}

#[derive(Default)]
struct Dying {
    serving: bool,
    log: u128,
    store: Store,
    answers: BTreeMap<(u16, u32, u32), Answer>,
    /// The planted bug that is about to strike.
    fatal: Option<usize>,
}

impl Dying {
    /// Ends the process, one way or the other.
    fn die(&self) {
        match self.fatal {
            Some(0) => std::process::abort(),
            Some(1) => loop {
                std::hint::spin_loop();
            },
            Some(2) => {
                let mut blocks = Vec::new();
                loop {
                    // A page is taken when it is touched.
                    let mut block = vec![0_u8; 32 << 20];
                    block.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
                    blocks.push(block);
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
            }
            Some(3) => std::process::exit(7),
            _ => {}
        }
    }
}

impl System for Dying {
    type Message = ();
    type Durable = ();

    const NAME: &'static str = "dying";
    const VERSION: &'static str = "1";
    const BUGS: &'static [Bug] = &[
        bug("abort", "aborts"),
        bug("hang", "never returns"),
        bug("memory", "takes memory without end"),
        bug("exit", "ends the process by itself"),
    ];
    const EXEMPT: &'static [(&'static str, &'static str)] = &[("liveness", "the other replicas hear of nothing")];

    fn not_applicable(case: &Case) -> Option<&'static str> {
        (case.scenario != "baseline").then_some("it serves where nothing is wrong")
    }

    fn boot(env: &mut Env<'_, Self>, id: ReplicaId, spec: &ClusterSpec, (): ()) -> Self {
        env.observe(Observation::Loading);
        env.observe(Observation::Recovered { view: 0, last_normal: 0, op: 0 });
        let primary = id == SERVING;
        env.observe(Observation::StatusChanged { status: Status::Normal, view: 0, primary });
        env.observe(Observation::ViewStarted { view: 0, op: 0, commit: 0, primary });
        let strikes = !HARMLESS.contains(&spec.keys[0][0]);
        Dying {
            serving: primary,
            fatal: (0..Self::BUGS.len()).find(|index| strikes && spec.bugs.has(*index)),
            ..Dying::default()
        }
    }
    fn crash(self) {}
    fn deliver(&mut self, _: &mut Env<'_, Self>, _: ReplicaId, (): ()) {}
    fn request(&mut self, env: &mut Env<'_, Self>, request: Request) {
        self.die();
        let Request { client, session, number, payload } = request;
        let Some(operation) = Operation::decode(&payload).filter(|_| self.serving) else { return };
        let answer = *self.answers.entry((client.0, session, number)).or_insert_with(|| {
            self.log += 1;
            let (op, entry) = (self.log as u64, self.log);
            let answer = self.store.execute(op, &operation);
            env.observe(Observation::Appended { op, view: 0, entry, parent: entry - 1 });
            env.observe(Observation::Acknowledged { view: 0, op, entry });
            env.observe(Observation::Committed { op, entry });
            env.observe(Observation::Executed { op, client, session, number, operation: Some(operation), answer });
            answer
        });
        env.reply(Reply { client, session, number, view: 0, answer });
    }
    fn timer(&mut self, _: &mut Env<'_, Self>, _: TimerId) {}
    fn disk_done(&mut self, _: &mut Env<'_, Self>, _: IoId, _: IoResult<'_>) {}
    fn kind((): &()) -> MessageKind {
        MessageKind::Other
    }
    fn zones(_: &Cluster) -> Vec<Zone> {
        Vec::new()
    }
    fn tamper((): &(), _: &Lie, _: &mut Liar) -> Option<((), LieClass)> {
        None
    }
}

fn main() -> ExitCode {
    static SYSTEMS: [SystemEntry; 1] = [SystemEntry::of::<Dying>()];
    vopr::systems::add(&SYSTEMS);
    vopr::main(libfuzzer::drive)
}

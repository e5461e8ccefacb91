//! `vopr` with an additional system, `dying`, whose planted bugs end the process instead of breaking an invariant.
//! Tests use it to check that findings survive this. Any other system can be added with a program like this one.
//!
//! It models a service of a single replica that answers and remembers everything. It leaves out everything else.

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

/// The only replica that serves requests.
const SERVING: ReplicaId = ReplicaId(0);
/// The values of the first byte of the first key for which a case is harmless. These are three of four values, so that
/// a campaign makes progress before it meets the bug.
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
    /// The index of the planted bug that is switched on in this case.
    fatal: Option<usize>,
}

impl Dying {
    /// Ends the process in the way of the planted bug.
    fn die(&self) {
        match self.fatal {
            Some(0) => std::process::abort(),
            Some(1) => loop {
                std::hint::spin_loop();
            },
            Some(2) => {
                let mut blocks = Vec::new();
                loop {
                    // A page is allocated when it is written.
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

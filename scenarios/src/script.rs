//! The words that the scenarios' scripts are written in: when something happens, and to whom.

use sim::base::time::MILLISECOND;
use sim::plan::Target;
use sim::{Action, ActionKind, Config, Field, How, Lie, MessageKind, ReplicaId, Time, Trigger, When};

use crate::draw::Draw;

/// What a scenario's script is written for.
#[derive(Debug)]
pub struct Setup<'a> {
    /// The scenario's configuration.
    pub config: &'a Config,
    /// Who lies.
    pub liar: Option<ReplicaId>,
    /// The script's random decisions.
    pub draw: Draw,
}

/// `value` milliseconds.
pub const fn ms(value: u64) -> Time {
    value * MILLISECOND
}

/// At a point in time.
pub fn at(at: Time, what: ActionKind) -> Action {
    Action { when: When::At(at), what }
}

/// `delay` after the `count`-th observation, wherever it is made.
pub fn after(watch: Trigger, count: u64, delay: Time, what: ActionKind) -> Action {
    Action { when: When::After { watch, replica: None, count: count as u8, delay }, what }
}

/// `delay` after the first such observation at this replica.
pub fn after_first_at(replica: ReplicaId, watch: Trigger, delay: Time, what: ActionKind) -> Action {
    Action { when: When::After { watch, replica: Some(replica), count: 1, delay }, what }
}

impl Setup<'_> {
    /// How many replicas there are.
    pub fn replicas(&self) -> u8 {
        self.config.cluster.replicas
    }

    /// Any replica.
    pub fn replica(&mut self) -> ReplicaId {
        ReplicaId(self.draw.below(self.replicas().into()) as u8)
    }

    /// Any replica, as a target.
    pub fn anyone(&mut self) -> Target {
        Target::Replica(self.replica())
    }

    /// All replicas, in a random order.
    pub fn everyone(&mut self) -> Vec<ReplicaId> {
        let mut all: Vec<ReplicaId> = (0..self.replicas()).map(ReplicaId).collect();
        self.draw.shuffle(&mut all);
        all
    }

    /// A span of so many to so many milliseconds.
    pub fn span(&mut self, min: u64, max: u64) -> Time {
        self.draw.between(ms(min), ms(max))
    }

    /// Long enough for the others to lose patience and to start a new view.
    pub fn patience(&mut self) -> Time {
        let timeout = self.config.cluster.view_change_timeout;
        self.draw.between(timeout + timeout / 2 + ms(40), 2 * timeout + ms(60))
    }

    /// Keeps the target from leading, long enough for a view change.
    pub fn depose(&mut self, target: Target) -> ActionKind {
        let duration = self.patience();
        match self.draw.below(10) {
            0..5 => ActionKind::Isolate { target, duration },
            5 | 6 => ActionKind::Cut { target, outgoing: true, duration },
            7 | 8 => ActionKind::Crash { target, down: duration },
            _ => ActionKind::Pause { target, duration },
        }
    }

    /// Deposes one primary after the other, `count` times.
    pub fn depose_primaries(&mut self, count: usize) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut time = self.span(60, 250);
        for _ in 0..count {
            let what = self.depose(Target::Primary);
            actions.push(at(time, what));
            time += self.patience() + self.span(150, 350);
        }
        actions
    }

    /// Deposes each primary soon after it leads, until it is the liar's turn; by round robin, view v is led by replica
    /// v modulo n. If the liar leads from the start and `again` is true, everybody else gets a turn first.
    ///
    /// Quorums of four of five replicas leave room for one absence at a time: the last primary is back before the next one
    /// goes.
    pub fn until_the_liar_leads(&mut self, again: bool) -> Vec<Action> {
        let Some(liar) = self.liar else { return Vec::new() };
        let mut actions = Vec::new();
        if liar.0 != 0 || again {
            let (time, what) = (self.span(80, 200), self.brief_absence(ReplicaId(0)));
            actions.push(at(time, what));
        }
        let leading = Trigger::Sent(MessageKind::StartView);
        for replica in (1..self.replicas()).map(ReplicaId).filter(|replica| *replica != liar) {
            let (delay, what) = (self.turn(), self.brief_absence(replica));
            actions.push(after_first_at(replica, leading, delay, what));
        }
        // Should the chain break, it is taken up again.
        for percent in [45, 65] {
            let time = self.config.heal_at * percent / 100 + self.span(0, 100);
            let duration = self.brief();
            actions.push(at(time, ActionKind::Isolate { target: Target::Primary, duration }));
        }
        actions
    }

    /// Lets the view in which the liar would lead pass without it: it is deaf to the votes for it. It may then claim to
    /// have led that view, and nobody knows better.
    pub fn skip_the_liars_turn(&mut self) -> Vec<Action> {
        let mut actions = self.until_the_liar_leads(true);
        let Some(liar) = self.liar else { return actions };
        // The primary before it stays away, so that the view after it needs the liar's vote.
        let before = ReplicaId((liar.0 + self.replicas() - 1) % self.replicas());
        let away = 4 * self.config.cluster.view_change_timeout + self.span(20, 60);
        for action in &mut actions {
            if let ActionKind::Isolate { target: Target::Replica(replica), duration } = &mut action.what
                && *replica == before
            {
                *duration = away;
            }
        }
        // It enters one view after the other with everybody else, until it comes to its own. Replica 0 may miss the first.
        let counts = if liar.0 == 0 { self.replicas() - 1..=self.replicas() } else { liar.0..=liar.0 };
        for count in counts {
            let duration = 2 * self.config.cluster.view_change_timeout + self.span(40, 80);
            actions.push(Action {
                when: When::After { watch: Trigger::ViewChangeStarted, replica: Some(liar), count, delay: 0 },
                what: ActionKind::Cut { target: Target::Replica(liar), outgoing: false, duration },
            });
        }
        actions
    }

    /// Cuts a primary off just long enough for the next view to start without it.
    fn brief_absence(&mut self, replica: ReplicaId) -> ActionKind {
        let duration = self.brief();
        ActionKind::Isolate { target: Target::Replica(replica), duration }
    }

    fn brief(&mut self) -> Time {
        self.config.cluster.view_change_timeout * 3 / 2 + self.span(30, 50)
    }

    /// How long a primary leads before its turn is over: until the one before it is back.
    fn turn(&mut self) -> Time {
        self.config.cluster.view_change_timeout + self.span(10, 50)
    }

    /// Tells the liar to tell one of these lies from the beginning, mostly for as long as it can.
    pub fn lie(&mut self, lies: &[(MessageKind, Field, How)]) -> Action {
        let (kind, field, how) = self.draw.pick(lies);
        let amount = self.amount();
        let count = if self.draw.chance(70) { 255 } else { 1 + self.draw.below(6) as u8 };
        at(0, ActionKind::Lie(Lie { kind, field, how, amount, to: None, count }))
    }

    /// How much a lie is off: mostly 1.
    pub fn amount(&mut self) -> u8 {
        let most = self.draw.pick(&[1, 1, 2, 4, 16]);
        1 + self.draw.below(most) as u8
    }
}

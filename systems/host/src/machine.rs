//! The state machine that a user of a consensus library would write: a store, and a client table that makes each
//! request take effect once, even if the log contains it several times.
//!
//! The store is the simulator's own model, since the log is under test here, not the store. Left out: the end of
//! sessions. The table has one entry per client, and a later session of a client ends the earlier one.

use sim::config::model::Store;
use sim::{Answer, ClientId, Observation, Operation, Request};

/// The bytes before the payload: client, session, number.
const HEAD: usize = 10;

/// The encoding of a request in the log.
pub fn command(request: &Request) -> Vec<u8> {
    let mut command = Vec::with_capacity(HEAD + request.payload.len());
    command.extend(request.client.0.to_le_bytes());
    command.extend(request.session.to_le_bytes());
    command.extend(request.number.to_le_bytes());
    command.extend(&*request.payload);
    command
}

/// The store and the client table.
#[derive(Debug, Default)]
pub struct Machine {
    store: Store,
    /// The last request of each client: session, number, answer.
    clients: Vec<(u32, u32, Answer)>,
}

impl Machine {
    /// The answer to an executed request, unless the client has sent a later one.
    pub fn answer(&self, client: ClientId, session: u32, number: u32) -> Option<Answer> {
        let last = self.clients.get(client.index())?;
        (last.0 == session && last.1 == number).then_some(last.2)
    }

    /// Executes the command at `op`, unless it has taken effect before. An empty command does nothing. Ops must
    /// increase.
    pub fn execute(&mut self, op: u64, command: &[u8]) -> Observation {
        let word =
            |at: usize| command.get(at..at + 4).map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().expect("4")));
        let client = ClientId(command.get(..2).map_or(0, |bytes| u16::from_le_bytes(bytes.try_into().expect("2"))));
        let (session, number) = (word(2), word(6));
        if self.clients.len() <= client.index() {
            self.clients.resize(client.index() + 1, (0, 0, Answer::default()));
        }
        let last = &mut self.clients[client.index()];
        let new = (session, number) > (last.0, last.1);
        let operation = if new { command.get(HEAD..).and_then(Operation::decode) } else { None };
        let mut answer = Answer { position: op, ..Answer::default() };
        if let Some(operation) = operation {
            answer = self.store.execute(op, &operation);
            *last = (session, number, answer);
        }
        Observation::Executed { op, client, session, number, operation, answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::OperationKind;

    fn put(session: u32, number: u32) -> Vec<u8> {
        let mut payload = [0; 24];
        let kind = OperationKind::Put { key: 1, value: 7 };
        Operation { tenant: 0, kind }.encode(&mut payload);
        command(&Request { client: ClientId(2), session, number, payload: payload.as_slice().into() })
    }

    #[test]
    fn a_request_takes_effect_once() {
        let mut machine = Machine::default();
        let effect = |seen| matches!(seen, Observation::Executed { operation: Some(_), .. });
        assert!(effect(machine.execute(1, &put(1, 1))));
        assert!(!effect(machine.execute(2, &put(1, 1))));
        assert_eq!(machine.answer(ClientId(2), 1, 1).map(|answer| answer.position), Some(1));
        assert!(!effect(machine.execute(3, &[])));
        assert!(effect(machine.execute(4, &put(2, 1))));
        assert!(!effect(machine.execute(5, &put(1, 2))), "a session that a later one has ended");
        assert_eq!(machine.answer(ClientId(2), 1, 1), None);
    }
}

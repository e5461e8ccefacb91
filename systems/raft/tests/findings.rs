//! The finding in raft 0.6.0-alpha, shown with the crate alone, and that 0.7.0 does not have it: docs/findings/raft.md.

/// What the leader of a group of one requests for a proposed entry: the number of entries to write, and whether they
/// have to be durable before anything follows from them.
macro_rules! wants {
    ($library:ident, $node:ident) => {{
        $node.campaign().expect("it may lead");
        while $node.has_ready() {
            let ready = $node.ready();
            $node.mut_store().wl().append(ready.entries()).expect("entries without a gap");
            if let Some(state) = ready.hs() {
                $node.mut_store().wl().set_hardstate(state.clone());
            }
            let _ = $node.advance(ready);
        }
        assert_eq!($node.raft.state, $library::StateRole::Leader);
        $node.propose(Vec::new(), b"a".to_vec()).expect("it leads");
        let ready = $node.ready();
        (ready.entries().len(), ready.must_sync())
    }};
}

#[test]
fn the_alpha_does_not_ask_for_an_entry_to_be_made_durable() {
    use raft_alpha::eraftpb::ConfState;
    let members = ConfState { nodes: vec![1], ..ConfState::default() };
    let storage = raft_alpha::storage::MemStorage::new_with_conf_state(members);
    let config = raft_alpha::Config { id: 1, ..raft_alpha::Config::default() };
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let mut node = raft_alpha::RawNode::new(&config, storage).expect("a valid configuration").with_logger(&logger);
    assert_eq!(wants!(raft_alpha, node), (1, false));
}

#[test]
fn the_current_version_does() {
    use raft::eraftpb::ConfState;
    let members = ConfState { voters: vec![1], ..ConfState::default() };
    let storage = raft::storage::MemStorage::new_with_conf_state(members);
    let config = raft::Config { id: 1, ..raft::Config::default() };
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let mut node = raft::RawNode::new(&config, storage, &logger).expect("a valid configuration");
    assert_eq!(wants!(raft, node), (1, true));
}

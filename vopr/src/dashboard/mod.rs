//! `vopr dashboard`: web pages about a data directory, made by this process for the browsers of its user.
//!
//! `guard.rs` stands before everything: who may ask, and what a browser may do with the answer. `routes.rs` has the
//! addresses; a page has a file of its own (`overview.rs`, `scenario.rs`, `failure.rs`, `coverage.rs`, `invariant.rs`),
//! `frame.rs` what all of them have in common, `charts.rs` the drawings. `store.rs` reads the directory again when it has
//! changed, `live.rs` tells open pages about it, `replay.rs` runs a failure again in a process of its own, and `kills.rs`
//! knows the measured kill matrix.
//!
//! The directory is untrusted. Whatever is looked up is looked up in the list of what was read, so no address of a page
//! becomes a path; and no case from a file runs in this process, which therefore outlives all of them.

mod guard;
mod live;
mod pages;
mod parts;
mod routes;
pub(crate) mod sources;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use engine::base::error::Error;
use guard::Hosts;
use live::Live;
use sources::replay::Replays;
use sources::store::Store;

/// No more threads than this wait for the directory and for replays.
const BLOCKING_THREADS: usize = 8;

/// What all requests share.
struct Dashboard {
    store: Store,
    replays: Replays,
    live: Live,
}

/// Answers requests at this socket until it is told to end: `at_interrupt` is handed what does so.
pub fn serve(
    listener: TcpListener,
    host: &str,
    directory: PathBuf,
    at_interrupt: impl FnOnce(Box<dyn Fn() + Send>) -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::Io(format!("cannot serve the dashboard: {error}; try again"));
    let hosts = Hosts::new(host, listener.local_addr().map_err(failed)?.ip());
    listener.set_nonblocking(true).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(failed)?;
    let (ended, mut wait) = tokio::sync::watch::channel(false);
    at_interrupt(Box::new(move || {
        ended.send_replace(true);
    }))?;
    let served = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let dashboard = Arc::new(Dashboard {
            replays: Replays::new(directory.clone()),
            store: Store::new(directory),
            live: Live::default(),
        });
        tokio::spawn(live::watch(dashboard.clone()));
        let server = tokio::spawn(async move { axum::serve(listener, routes::router(dashboard, hosts)).await });
        let _ = wait.wait_for(|ended| *ended).await;
        server.abort();
        Ok(())
    });
    // Whoever still waits for a replay or reads the stream waits no longer.
    runtime.shutdown_background();
    served.map_err(failed)
}

//! The web server behind `vopr dashboard`: pages about a data directory, for browsers of the local user.
//!
//! `guard.rs` checks every request before it is handled. `routes.rs` maps addresses to handlers. `pages/` has one file
//! for each page. `parts/frame.rs` has the common frame, and `parts/charts.rs` the charts. `sources/store.rs` reads the
//! directory again when it has changed, `live.rs` sends updates to open pages, `sources/replay.rs` replays a failure in
//! a separate process, and `sources/kills.rs` has the measured kill matrix.
//!
//! The directory is untrusted. Requested names are looked up in the list of files that were read, so no part of an
//! address becomes a path. No case from a file runs in this process, so a case cannot kill it.

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

/// The maximum number of threads that wait for the directory and for replays.
const BLOCKING_THREADS: usize = 8;

/// The state that all requests share.
struct Dashboard {
    store: Store,
    replays: Replays,
    live: Live,
}

/// Serves requests on this socket until it is told to end. `at_interrupt` receives the function that ends it.
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
    // Does not wait for pending replays and open streams.
    runtime.shutdown_background();
    served.map_err(failed)
}

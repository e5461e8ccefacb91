//! The routes: maps addresses to handlers.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use scenarios::ScenarioType;

use crate::dashboard::guard::{Hosts, guard};
use crate::dashboard::pages::{coverage, failure, invariant, overview, scenario};
use crate::dashboard::parts::frame::{Section, page};
use crate::dashboard::{Dashboard, live};
use engine::analysis::timeline::{page as figure, svg};
use engine::base::error::Error;
use engine::campaigns::data_dir::Data;

/// The state passed to the handlers.
type Shared = State<Arc<Dashboard>>;

pub fn router(dashboard: Arc<Dashboard>, hosts: Hosts) -> Router {
    Router::new()
        .route("/", get(overview_page))
        .route("/scenarios", get(scenarios_page))
        .route("/scenarios/{name}", get(scenario_page))
        .route("/failures", get(failures_page))
        .route("/failures/{name}", get(failure_page))
        .route("/coverage", get(coverage_page))
        .route("/invariants", get(invariants_page))
        .route("/events", get(live::events))
        .route("/style.css", get(|| async { asset("text/css", style()) }))
        .route("/script.js", get(|| async { asset("text/javascript", script()) }))
        .fallback(|| async { missing("There is no such page.") })
        .layer(from_fn_with_state(Arc::new(hosts), guard))
        .with_state(dashboard)
}

fn asset(kind: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// The styles of the pages and of the timelines in them.
fn style() -> String {
    let (timeline, controls, dark) = (svg::STYLE, figure::STYLE, svg::STYLE_DARK);
    format!(
        "{timeline}{controls}@media (prefers-color-scheme: dark) {{ {dark} }}\n{}",
        include_str!("assets/style.css")
    )
}

/// The scripts of the pages and of the timelines in them.
fn script() -> String {
    format!("{}\n{}", include_str!("assets/script.js"), figure::SCRIPT)
}

/// Runs blocking work on another thread, so that other requests are not delayed. An error becomes a page.
async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Response> {
    let done = tokio::task::spawn_blocking(move || work().map_err(|error| error.to_string())).await;
    done.unwrap_or_else(|_| Err("this page could not be made; this is a bug in vopr, please report it".to_string()))
        .map_err(|error| failed(StatusCode::SERVICE_UNAVAILABLE, "That did not work", &error))
}

/// A page about the current content of the data directory.
async fn about_data(
    dashboard: Arc<Dashboard>,
    section: Section,
    title: &'static str,
    content: impl FnOnce(&Data, &Dashboard) -> Markup + Send + 'static,
) -> Result<Html<String>, Response> {
    run_blocking(move || Ok(shown(section, title, &content(&*dashboard.store.read()?, &dashboard)))).await
}

fn failed(status: StatusCode, title: &str, text: &str) -> Response {
    (status, shown(Section::None, title, &html! { h1 { (title) } p { (text) } })).into_response()
}

fn missing(text: &str) -> Response {
    failed(StatusCode::NOT_FOUND, "Not found", text)
}

fn shown(section: Section, title: &str, content: &Markup) -> Html<String> {
    Html(page(section, title, content).into_string())
}

async fn overview_page(State(dashboard): Shared) -> Result<Html<String>, Response> {
    about_data(dashboard, Section::Overview, "Overview", |data, dashboard| {
        overview::page(data, dashboard.store.directory())
    })
    .await
}

async fn scenarios_page(State(dashboard): Shared) -> Result<Html<String>, Response> {
    about_data(dashboard, Section::Scenarios, "Scenarios", |data, _| scenario::list(data)).await
}

async fn scenario_page(State(dashboard): Shared, Path(name): Path<String>) -> Result<Html<String>, Response> {
    let Some(kind) = ScenarioType::from_name(&name) else {
        return Err(missing("There is no scenario of this name."));
    };
    let content = move |data: &Data, _: &Dashboard| scenario::page(&kind.create_scenario(), data);
    about_data(dashboard, Section::Scenarios, kind.name(), content).await
}

async fn failures_page(State(dashboard): Shared) -> Result<Html<String>, Response> {
    about_data(dashboard, Section::Failures, "Failures", |data, _| failure::list(data)).await
}

async fn failure_page(State(dashboard): Shared, Path(name): Path<String>) -> Result<Html<String>, Response> {
    let shared = dashboard.clone();
    let (data, found) = run_blocking(move || {
        let data = shared.store.read()?;
        let found = data.failures.iter().position(|failure| failure.is_called(&name));
        Ok((data, found))
    })
    .await?;
    let Some(found) = found else {
        return Err(missing("There is no failure of this name in the data directory; it may have been removed."));
    };
    let replay = dashboard.replays.of(&data.failures[found]).await;
    let title = format!("Failure {}", data.failures[found].kmb.name());
    let content = failure::page(&data, found, dashboard.store.directory(), &replay);
    Ok(shown(Section::Failures, &title, &content))
}

async fn coverage_page(State(dashboard): Shared) -> Result<Html<String>, Response> {
    about_data(dashboard, Section::Coverage, "Coverage", |data, _| coverage::page(data)).await
}

async fn invariants_page(State(dashboard): Shared) -> Result<Html<String>, Response> {
    about_data(dashboard, Section::Invariants, "Invariants", |data, _| invariant::page(data)).await
}

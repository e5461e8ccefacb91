use vopr::engine::{Engine, SYSTEMS};
use sim::Observation as O;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let scenario = scenarios::ScenarioType::from_name(&args[1]).unwrap().create_scenario();
    let bugs: Vec<String> = args[3..].to_vec();
    let case = scenario.random_case("vsr", &bugs, args[2].parse().unwrap());
    for action in &case.actions { println!("{:?}", action); }
    let mut engine = Engine::new(&SYSTEMS[0]);
    let outcome = engine.run(&case, true);
    for seen in engine.recorded() { if !matches!(seen.what, O::Sent{..}|O::Delivered{..}|O::Dropped{..}|O::Invoked{..}|O::Answered{..}|O::Appended{..}|O::Acknowledged{..}|O::Executed{..}|O::Holding{..}|O::Timestamped{..}|O::Committed{..}|O::Retried{..}) { println!("{:>9} {:?} {:?}", seen.at/1000, seen.who, seen.what); } }
    println!("{:?}", outcome.verdict);
}

//! The `vopr` binary: the library's command line, and libFuzzer linked in.

mod libfuzzer;

fn main() -> std::process::ExitCode {
    vopr::main(libfuzzer::drive)
}

//! `postern`: runs programs in the guest or on the layer alone, shows the conformance report, checks rules, and judges
//! traces by them.

mod cli;

use std::process::ExitCode;

use clap::{Parser, error::ErrorKind};

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A failed print leaves nothing to say it with.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                // What `postern boot` and `postern run` themselves have to say is 125: every other status may be the program's.
                _ if std::env::args_os().nth(1).is_some_and(|word| word == "boot" || word == "run") => {
                    ExitCode::from(125)
                }
                _ => ExitCode::from(2),
            };
        }
    };
    cli::run(arguments)
}

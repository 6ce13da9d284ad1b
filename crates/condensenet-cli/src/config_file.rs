//! `condensenet train --config FILE.toml`: options from a file.
//!
//! The file's keys are the long names of options, with `-` or `_`, so that every option has its key and none is
//! described twice. They become arguments in front of those of the command line, which win.

use std::{ffi::OsString, fs, path::Path};

use anyhow::{Context, Result};
use clap::{Arg, ArgMatches, Command, CommandFactory, parser::ValueSource};
use toml::{Table, Value};

use crate::{Arguments, failure::usage, options::is_kind_of_network};

const COMMAND: &str = "train";

/// The tables that a file may have for the sake of order, named after the headings of the help.
const SECTIONS: [&str; 4] = ["data", "network", "recipe", "run"];

/// Options that mean something on a command line only.
const NOT_IN_A_FILE: [&str; 4] = ["config", "resume", "print-config", "help"];

/// Descriptions of one thing in two ways: naming it one way on the command line outdoes the other way in a file.
const ALTERNATIVES: [[&str; 3]; 1] = [["model", "layers_per_block", "growth_rates"]];

/// Puts the options of the configuration file, if one is named, in front of those of the command line.
pub(crate) fn expand(arguments: Vec<OsString>) -> Result<Vec<OsString>> {
    let Some(at) = arguments.iter().position(|argument| argument == COMMAND) else {
        return Ok(arguments);
    };
    let mut program = Arguments::command().ignore_errors(true);
    program.build();
    // What can't be parsed, and a question for help, is the business of the parser that follows.
    let Ok(matches) = program.clone().try_get_matches_from(&arguments) else {
        return Ok(arguments);
    };
    let train = program.find_subcommand(COMMAND);
    let (Some(command), Some(matches)) = (train, matches.subcommand_matches(COMMAND)) else {
        return Ok(arguments);
    };
    let Ok(Some(Some(path))) = matches
        .try_get_raw("config")
        .map(|values| values.map(|mut values| values.next()))
    else {
        return Ok(arguments);
    };
    if matches.try_contains_id("resume").unwrap_or(false) {
        return Ok(arguments); // which is refused together
    }
    let from_file = read(Path::new(path), command, matches)?;
    let mut expanded = arguments;
    expanded.splice(at + 1..at + 1, from_file);
    Ok(expanded)
}

/// Reads the file's options as arguments, without those that the command line gives itself.
fn read(path: &Path, command: &Command, matches: &ArgMatches) -> Result<Vec<OsString>> {
    let name = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("can't read {name}"));
    let text = text.map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let table: Table = toml::from_str(&text).map_err(|error| {
        usage(format!(
            "{name} is not TOML: {}",
            one_line(&error.to_string())
        ))
    })?;
    let mut arguments = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(section) if SECTIONS.contains(&key.as_str()) => {
                for (inner, value) in section {
                    let full = format!("{key}.{inner}");
                    push(&mut arguments, command, matches, (&full, &inner), &value)
                        .map_err(|reason| usage(format!("{name}: {reason}")))?;
                }
            }
            value => push(&mut arguments, command, matches, (&key, &key), &value)
                .map_err(|reason| usage(format!("{name}: {reason}")))?,
        }
    }
    Ok(arguments)
}

/// Adds one key, of which `full` is its name with the section.
fn push(
    arguments: &mut Vec<OsString>,
    command: &Command,
    matches: &ArgMatches,
    (full, key): (&str, &str),
    value: &Value,
) -> Result<(), String> {
    let option = key.replace('_', "-");
    let found = command
        .get_arguments()
        .find(|argument| is_named(argument, &option));
    let Some(argument) = found.filter(|_| !NOT_IN_A_FILE.contains(&option.as_str())) else {
        return Err(format!("there is no option for the key `{full}`"));
    };
    let id = argument.get_id().as_str();
    // Other blocks are blocks of the same kind of network.
    let is_kind = id == "model" && value.as_str().is_some_and(is_kind_of_network);
    if is_given(id, matches) || (!is_kind && is_described(id, matches)) {
        return Ok(());
    }
    if argument.get_action().takes_values() {
        let value =
            text(value).ok_or_else(|| format!("`{full}` has no value that fits an option"))?;
        arguments.push(format!("--{option}={value}").into());
        return Ok(());
    }
    match value {
        Value::Boolean(true) => arguments.push(format!("--{option}").into()),
        Value::Boolean(false) => {}
        _ => return Err(format!("`{full}` must be true or false")),
    }
    Ok(())
}

fn is_named(argument: &Arg, option: &str) -> bool {
    argument.get_long() == Some(option)
        || argument
            .get_all_aliases()
            .is_some_and(|aliases| aliases.contains(&option))
}

/// Says whether the command line gives an option.
fn is_given(id: &str, matches: &ArgMatches) -> bool {
    let given = |id: &str| {
        let known = matches.try_contains_id(id).unwrap_or(false);
        known && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    given(id) || (id == "dataset" && given("positional_dataset"))
}

/// Says whether the command line gives another description of the same thing.
fn is_described(id: &str, matches: &ArgMatches) -> bool {
    let alternatives = ALTERNATIVES.iter().filter(|ids| ids.contains(&id));
    alternatives.flatten().any(|other| is_given(other, matches))
}

/// Writes a value as an argument has it: lists as `14-14-14`, tables as JSON.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(text).collect();
            items?.join("-")
        }
        Value::Table(_) => serde_json::to_string(value).ok()?,
        Value::Datetime(_) => return None,
    })
}

fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join(" ")
}

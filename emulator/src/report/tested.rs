//! What behaviour tests made use of, as the guest program tells it from `/proc/scml`.

use std::collections::HashMap;

use serde::Deserialize;

/// How many calls made use of what a rule declares, by rule, argument and value. `None`: that is not known, and nothing is
/// held against anybody for it.
pub type Tested = Option<HashMap<(String, String, String), u64>>;

/// A line of the program's output.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Output {
    Uses {
        text: String,
    },
    #[serde(other)]
    Other,
}

/// Reads the output of `guest test --uses`.
///
/// # Errors
/// Why it does not tell what was made use of.
pub fn parse(output: &str) -> Result<HashMap<(String, String, String), u64>, String> {
    let mut uses = output.lines().filter_map(|line| match serde_json::from_str(line) {
        Ok(Output::Uses { text }) => Some(text),
        _ => None,
    });
    let text = uses.next_back().ok_or("the tests did not come to an end, or /proc/scml is missing")?;
    let mut tested = HashMap::new();
    // `alternative ID HITS ARGUMENT VALUE`, of which the last may have spaces.
    for line in text.lines().filter_map(|line| line.strip_prefix("alternative ")) {
        let fields: Vec<_> = line.splitn(4, ' ').collect();
        let read = match fields.as_slice() {
            [rule, hits, argument, value] => hits.parse().ok().map(|hits| (*rule, hits, *argument, *value)),
            _ => None,
        };
        let Some((rule, hits, argument, value)) = read else {
            return Err(format!("/proc/scml has a line that cannot be read: alternative {line}"));
        };
        tested.insert((rule.to_owned(), argument.to_owned(), value.to_owned()), hits);
    }
    if tested.is_empty() {
        return Err("/proc/scml counts no alternatives".to_owned());
    }
    Ok(tested)
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn output(scml: &str) -> String {
        let uses = serde_json::json!({ "type": "uses", "text": scml });
        format!("{}\n{uses}\n", r#"{"type":"test","suite":"unix","name":"a","outcome":"passed"}"#)
    }

    #[test]
    fn uses_are_read() {
        let scml = "profile postern\ncount full\nrule sendto#1 7 0 data.scml:9\n\
                    alternative sendto#1 7 sockfd AF_UNIX SOCK_STREAM\nalternative sendto#1 0 flags MSG_OOB\n";
        let tested = parse(&output(scml)).unwrap();
        let of = |argument: &str, value: &str| {
            tested[&("sendto#1".to_owned(), argument.to_owned(), value.to_owned())]
        };
        assert_eq!((of("sockfd", "AF_UNIX SOCK_STREAM"), of("flags", "MSG_OOB")), (7, 0));
    }

    #[test]
    fn without_them_it_says_why() {
        assert!(parse("").unwrap_err().contains("did not come to an end"));
        assert!(parse(&output("count rule\n")).unwrap_err().contains("counts no alternatives"));
        assert!(parse(&output("alternative sendto#1 x\n")).unwrap_err().contains("cannot be read"));
    }
}

//! How alike two short texts are.

/// Buffers of a comparison, used again by the next.
#[derive(Debug, Default)]
pub struct Scratch {
    used: Vec<bool>,
    ours: Vec<char>,
    before: Vec<usize>,
    last: Vec<usize>,
    now: Vec<usize>,
}

/// The similarity of Jaro (1989): from 0, for texts with nothing in common, to 1.
pub fn jaro(scratch: &mut Scratch, a: &[char], b: &[char]) -> f64 {
    if a.is_empty() || b.is_empty() {
        return if a.len() == b.len() { 1.0 } else { 0.0 };
    }
    let reach = (a.len().max(b.len()) / 2).saturating_sub(1);
    let Scratch { used, ours, .. } = scratch;
    used.clear();
    used.resize(b.len(), false);
    ours.clear();
    for (i, x) in a.iter().enumerate() {
        let window = i.saturating_sub(reach)..(i + reach + 1).min(b.len());
        for j in window {
            if !used[j] && b[j] == *x {
                used[j] = true;
                ours.push(*x);
                break;
            }
        }
    }
    if ours.is_empty() {
        return 0.0;
    }
    let theirs = b.iter().zip(used.iter()).filter(|(_, used)| **used).map(|(y, _)| y);
    let moved = ours.iter().zip(theirs).filter(|(x, y)| x != y).count() / 2;
    let common = ours.len() as f64;
    let shares = common / a.len() as f64 + common / b.len() as f64;
    (shares + (common - moved as f64) / common) / 3.0
}

/// Jaro's similarity, raised for a common beginning (Winkler 1990).
pub fn jaro_winkler(scratch: &mut Scratch, a: &[char], b: &[char]) -> f64 {
    let plain = jaro(scratch, a, b);
    if plain <= 0.7 {
        return plain;
    }
    let common = a.iter().zip(b).take(4).take_while(|(x, y)| x == y).count();
    plain + 0.1 * common as f64 * (1.0 - plain)
}

/// How many characters are to be inserted, left out, replaced or swapped with the next one, none
/// of them twice: the distance of optimal string alignment.
pub fn edits(scratch: &mut Scratch, a: &[char], b: &[char]) -> usize {
    let Scratch { before, last, now, .. } = scratch;
    before.clear();
    before.resize(b.len() + 1, 0);
    now.clear();
    now.resize(b.len() + 1, 0);
    last.clear();
    last.extend(0..=b.len());
    for i in 1..=a.len() {
        now[0] = i;
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j] + 1).min(now[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            now[j] = best;
        }
        std::mem::swap(before, last);
        std::mem::swap(last, now);
    }
    last[b.len()]
}

/// A code that words of a like sound share (after Soundex): the first letter, and the classes of
/// the consonants that follow, at most three. Other scripts and digits stand for themselves.
pub fn sound(text: &[char]) -> String {
    let class = |c: char| match c {
        'b' | 'f' | 'p' | 'v' | 'w' => 'B',
        'c' | 'g' | 'j' | 'k' | 'q' | 's' | 'x' | 'z' => 'C',
        'd' | 't' => 'D',
        'l' => 'L',
        'm' | 'n' => 'M',
        'r' => 'R',
        'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'h' => '0',
        other => other,
    };
    let mut code = String::new();
    let mut last = '0';
    for &c in text.iter().filter(|c| c.is_alphanumeric()) {
        let now = class(c);
        if code.is_empty() {
            code.push(c);
        } else if now != '0' && now != last {
            code.push(now);
        }
        if code.chars().count() == 4 {
            break;
        }
        last = now;
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    proptest! {
        #[test]
        fn as_strsim_has_them(a in "[abcdé]{0,12}", b in "[abcdé]{0,12}") {
            let (x, y) = (chars(&a), chars(&b));
            let s = &mut Scratch::default();
            prop_assert!((jaro(s, &x, &y) - strsim::jaro(&a, &b)).abs() < 1e-12);
            let winkler = jaro_winkler(s, &x, &y);
            prop_assert!((winkler - strsim::jaro_winkler(&a, &b)).abs() < 1e-12);
            prop_assert_eq!(edits(s, &x, &y), strsim::osa_distance(&a, &b));
            prop_assert_eq!(edits(s, &x, &y), edits(s, &y, &x));
        }
    }

    #[test]
    fn names_of_one_sound_share_a_code() {
        let code = |t: &str| sound(&chars(t));
        assert_eq!(code("smith"), code("smyth"));
        assert_eq!(code("meier"), code("meyer"));
        assert_ne!(code("smith"), code("jones"));
        assert_eq!(code("22 kent"), "2CMD");
        assert_eq!(code(""), "");
    }
}

//! Encoded sound (WAV, MP3, FLAC, Ogg Vorbis) to mono samples.

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Fault;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::check_rate;
use crate::base::{Ctx, Error, Result};

/// Mono samples (46 minutes at 48 kHz) beyond which a file is refused: a few bytes of a lossless
/// format can stand for hours of silence.
const MOST: usize = 1 << 27;
/// Packets that may be damaged, one after the other, before the rest is given up.
const PATIENCE: usize = 256;

/// A clip: the mean of its channels, and what it came with.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    /// Mono samples, full scale is 1.
    pub samples: Vec<f32>,
    /// Samples a second.
    pub rate: u32,
    /// How many channels there were.
    pub channels: usize,
}

/// Decodes a file that is held in memory.
///
/// Damaged packets are left out and a file that breaks off is taken as far as it goes, as a player
/// does; an error means that nothing could be decoded.
pub fn decode(ctx: &Ctx, bytes: &[u8]) -> Result<Sound> {
    if bytes.is_empty() {
        return Err(Error::Data("the file is empty".into()));
    }
    // The decoders are of safe Rust, but not free of panics: a WAV header with a rate of 2^31 is one.
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attempt(ctx, bytes)));
    caught.unwrap_or_else(|_| Err(Error::Data("the file is damaged: its decoder failed".into())))
}

fn attempt(ctx: &Ctx, bytes: &[u8]) -> Result<Sound> {
    let source =
        MediaSourceStream::new(Box::new(std::io::Cursor::new(bytes.to_vec())), Default::default());
    let probe = symphonia::default::get_probe();
    let (formats, tags) = (FormatOptions::default(), MetadataOptions::default());
    let mut reader = probe.probe(&Hint::new(), source, formats, tags).map_err(|e| unusable(&e))?;
    let track = reader.default_track(TrackType::Audio).ok_or_else(nothing)?;
    let params = track.codec_params.as_ref().and_then(|p| p.audio()).ok_or_else(nothing)?;
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map_err(|e| unusable(&e))?;
    let id = track.id;
    let sound = read(ctx, reader.as_mut(), decoder.as_mut(), id)?.ok_or_else(nothing)?;
    check_rate(sound.rate)?;
    Ok(sound)
}

fn read(
    ctx: &Ctx,
    reader: &mut dyn FormatReader,
    decoder: &mut dyn AudioDecoder,
    track: u32,
) -> Result<Option<Sound>> {
    let mut sound: Option<Sound> = None;
    let (mut interleaved, mut damaged) = (Vec::new(), 0);
    while damaged < PATIENCE {
        ctx.check()?;
        let packet = match reader.next_packet() {
            Ok(Some(packet)) if packet.track_id == track => packet,
            Ok(Some(_)) => continue,
            Err(Fault::DecodeError(_)) => {
                damaged += 1;
                continue;
            }
            Ok(None) | Err(_) => break,
        };
        match decoder.decode(&packet) {
            Ok(buffer) => {
                damaged = 0;
                add(&mut sound, &buffer, &mut interleaved)?;
            }
            Err(Fault::DecodeError(_)) => damaged += 1,
            Err(_) => break,
        }
    }
    Ok(sound.filter(|s| !s.samples.is_empty()))
}

/// Adds a decoded packet, its channels mixed down.
fn add(
    sound: &mut Option<Sound>,
    buffer: &GenericAudioBufferRef<'_>,
    interleaved: &mut Vec<f32>,
) -> Result<()> {
    let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
    if channels == 0 || buffer.frames() == 0 {
        return Ok(());
    }
    let sound = sound.get_or_insert_with(|| Sound { samples: Vec::new(), rate, channels });
    if (sound.rate, sound.channels) != (rate, channels) {
        return Err(Error::Data(format!(
            "the sound changes from {} Hz with {} channels to {rate} Hz with {channels}",
            sound.rate, sound.channels
        )));
    }
    if sound.samples.len() + buffer.frames() > MOST {
        return Err(Error::Data(format!(
            "the file decodes to more than {MOST} samples: cut it into clips"
        )));
    }
    buffer.copy_to_vec_interleaved(interleaved);
    mix(interleaved, channels, &mut sound.samples);
    Ok(())
}

/// Appends the mean over the channels of interleaved samples.
pub fn mix(interleaved: &[f32], channels: usize, out: &mut Vec<f32>) {
    if channels == 1 {
        out.extend_from_slice(interleaved);
        return;
    }
    let share = 1.0 / channels as f32;
    out.extend(interleaved.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() * share));
}

fn nothing() -> Error {
    Error::Data("the file holds no sound that can be decoded".into())
}

fn unusable(fault: &Fault) -> Error {
    Error::Data(format!("the file is no WAV, MP3, FLAC or Ogg Vorbis that can be decoded: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A WAV file of 16-bit samples.
    fn wav(samples: &[i16], rate: u32, channels: u16) -> Vec<u8> {
        let size = 2 * samples.len() as u32;
        let mut out = b"RIFF".to_vec();
        out.extend((36 + size).to_le_bytes());
        out.extend(b"WAVEfmt ");
        out.extend(16u32.to_le_bytes());
        out.extend(1u16.to_le_bytes());
        out.extend(channels.to_le_bytes());
        out.extend(rate.to_le_bytes());
        out.extend((rate * 2 * u32::from(channels)).to_le_bytes());
        out.extend((2 * channels).to_le_bytes());
        out.extend(16u16.to_le_bytes());
        out.extend(b"data");
        out.extend(size.to_le_bytes());
        out.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
        out
    }

    #[test]
    fn channels_are_averaged() {
        let file = wav(&[8192, 16384, -32768, -32768, 0, 0], 8000, 2);
        let sound = decode(&Ctx::new(1), &file).unwrap();
        assert_eq!((sound.rate, sound.channels), (8000, 2));
        assert_eq!(sound.samples, [0.375, -1.0, 0.0]);
    }

    #[test]
    fn what_is_no_sound_is_refused() {
        for bytes in [&b""[..], b"RIFF", b"hello there, this is a text", &wav(&[], 8000, 1)] {
            assert!(matches!(decode(&Ctx::new(1), bytes), Err(Error::Data(_))));
        }
        let odd = wav(&[1, 2, 3], 7, 1);
        assert!(matches!(decode(&Ctx::new(1), &odd), Err(Error::Parameter(_))));
        let ctx = Ctx::new(1);
        ctx.stop();
        assert_eq!(decode(&ctx, &wav(&[1; 99], 8000, 1)), Err(Error::Stopped));
    }

    proptest! {
        #[test]
        fn damaged_files_do_not_panic(
            cut in 0usize..300, places in prop::collection::vec((0usize..300, 0u8..=255), 0..8),
        ) {
            let samples: Vec<i16> = (0..128).map(|i| (i * 97) as i16).collect();
            let mut file = wav(&samples, 8000, 1);
            for (place, value) in places {
                if let Some(byte) = file.get_mut(place) {
                    *byte = value;
                }
            }
            file.truncate(cut);
            let _ = decode(&Ctx::new(1), &file);
        }
    }
}

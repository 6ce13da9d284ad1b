use std::fs;

use condensenet_train::{
    LearningRateSchedule, RunData, RunOptions, TrainError, data::Normalization, read_metrics,
};

use crate::support::{
    alone, begin, config, data, epochs, files, latest, options, recipe, resume, train, train_with,
};

/// A learning rate that is sound for half of the training and absurd after it.
fn exploding() -> LearningRateSchedule {
    LearningRateSchedule::Multistep {
        milestones: vec![0.5],
        factor: 1e38,
    }
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_says_where() {
    let _alone = alone();
    let (_root, run) = begin(config(recipe(4).with_schedule(exploding())));
    let error = train(&run).unwrap_err();
    let TrainError::NonFiniteLoss {
        loss,
        step,
        epoch,
        learning_rate,
    } = error
    else {
        panic!("{error}");
    };
    assert!(!loss.is_finite());
    // Two epochs of six steps are sound, and the first absurd step ends with a finite loss.
    assert!((13..18).contains(&step), "step {step}");
    assert_eq!(epoch, 3);
    assert_eq!(learning_rate, 0.1 * 1e38);
    let message = error.to_string();
    for part in [
        &format!("step {step}"),
        "epoch 3",
        "learning rate 1",
        "untouched",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(read_metrics(&run.metrics_path()).unwrap().len(), 2);
    assert_eq!(epochs(&run), [1, 2]);

    // It fails again, and again leaves the checkpoints as they were.
    let before = files(&run.directory().join("checkpoints"));
    let again = train(&resume(&run).unwrap()).unwrap_err().to_string();
    assert_eq!(again, message);
    assert_eq!(before, files(&run.directory().join("checkpoints")));
    run.load_network(&latest(&run), &options().device).unwrap();
}

#[test]
fn weights_that_overflow_in_the_last_step_of_an_epoch_are_never_written() {
    let _alone = alone();
    // The step that is absurd, of 24; 11 is the last of the second epoch, 8 is within it.
    for step in [11, 8] {
        let absurd = LearningRateSchedule::Multistep {
            milestones: vec![(step as f64 - 0.5) / 24.0],
            factor: 1e300,
        };
        let (_root, run) = begin(config(recipe(4).with_schedule(absurd)));
        let options = RunOptions {
            checkpoint_every_steps: Some(1),
            keep_checkpoints: 99,
            ..options()
        };
        let error = train_with(&run, &options).unwrap_err();
        let TrainError::NonFiniteWeights {
            parameter,
            step: found,
            epoch,
            loss,
            learning_rate,
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!((*found, *epoch, *learning_rate), (step, 2, 0.1 * 1e300));
        assert!(loss.is_finite());
        let message = error.to_string();
        for part in [
            &**parameter,
            "epoch 2",
            &format!("step {step}"),
            "learning rate 1",
        ] {
            assert!(message.contains(part), "{message}");
        }
        // The latest checkpoint is from the step before.
        let run = resume(&run).unwrap();
        assert_eq!((run.epochs_done(), run.steps_done()), (1, step - 6));
        assert_eq!(read_metrics(&run.metrics_path()).unwrap().len(), 1);
    }
}

#[test]
fn poisoned_images_stop_the_run_at_the_first_step() {
    let _alone = alone();
    let (_root, run) = begin(config(recipe(1)));
    let poisoned = RunData {
        normalization: Normalization {
            mean: [f32::NAN; 3],
            ..Normalization::SYNTHETIC
        },
        ..data(run.config())
    };
    let error = run.train(&poisoned, &options()).unwrap_err();
    assert!(
        matches!(
            error,
            TrainError::NonFiniteLoss {
                step: 0,
                epoch: 1,
                learning_rate: 0.1,
                ..
            }
        ),
        "{error}"
    );
    assert!(epochs(&run).is_empty());
}

#[test]
fn a_checkpoint_that_cannot_be_written_stops_the_run_with_its_path() {
    let _alone = alone();
    // Nobody can make a directory where a file is, or below one, root neither. The second is met after two epochs only.
    for in_the_way in ["checkpoints", "checkpoints/epoch-0002.unfinished"] {
        let (_root, run) = begin(config(recipe(3)));
        let path = run.directory().join(in_the_way);
        if in_the_way != "checkpoints" {
            fs::create_dir(run.directory().join("checkpoints")).unwrap();
        }
        fs::write(&path, b"in the way").unwrap();
        let error = train(&run).unwrap_err();
        assert!(
            matches!(&error, TrainError::Io { path: at, .. } if *at == path),
            "{error:?}"
        );
    }
}

#[test]
fn a_directory_that_vanishes_in_the_course_of_a_run_stops_it_with_an_error() {
    let _alone = alone();
    let (_root, run) = begin(config(recipe(1)));
    fs::remove_dir_all(run.directory()).unwrap();
    fs::write(run.directory(), b"a file now").unwrap();
    let error = train(&run).unwrap_err();
    assert!(matches!(error, TrainError::Io { .. }), "{error:?}");
}

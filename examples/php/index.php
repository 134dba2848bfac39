<?php
// The page. All that it shows of people is put in by page.js, as text.

declare(strict_types=1);

require __DIR__ . '/lib/session.php';

$settings = require __DIR__ . '/lib/settings.php';
$scheme = ($_SERVER['HTTPS'] ?? 'off') === 'off' ? 'http' : 'https';
$node = "$scheme://{$settings['node']}";
header('Cache-Control: no-store');
// The page connects to the server for calls, and to the FreeSWITCH that it names.
$policy = [
    "default-src 'self'",
    "script-src 'self' $node",
    "connect-src 'self' ws: wss:",
    'img-src data:',
    "frame-ancestors 'none'",
];
header('Content-Security-Policy: ' . implode('; ', $policy));
$text = fn (string $text) => htmlspecialchars($text, ENT_QUOTES);
?>
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="csrf-token" content="<?= $text($_SESSION['token']) ?>">
<title>Video chat</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="style.css">
<main>
    <h1>Video chat</h1>
    <p id="status" role="status"></p>

    <form id="login" hidden>
        <label>Name <input name="name" autocomplete="username" required></label>
        <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
        <button>Log in</button>
    </form>

    <div id="chat" hidden>
        <section id="ringing" aria-label="Somebody rings" hidden>
            <p><strong id="caller"></strong> rings.</p>
            <button id="answer-video">Answer with video</button>
            <button id="answer-audio">Answer with sound only</button>
            <button id="decline">Decline</button>
        </section>

        <section id="call" aria-label="Call" hidden>
            <div id="pictures">
                <video id="remote" autoplay playsinline aria-label="The others"></video>
                <video id="local" autoplay playsinline muted aria-label="You"></video>
            </div>
            <p>
                <button id="mute-audio" aria-pressed="false">Mute microphone</button>
                <button id="mute-video" aria-pressed="false">Hide camera</button>
                <button id="hangup">Hang up</button>
            </p>
            <h2>In the call</h2>
            <ul id="participants"></ul>
        </section>

        <section aria-label="People">
            <h2>People</h2>
            <ul id="people"></ul>
            <button id="logout">Log out</button>
        </section>
    </div>
</main>

<script src="<?= $text($node) ?>/CometServerApi.js"></script>
<script src="<?= $text($node) ?>/cometVideoApi.js"></script>
<script type="module" src="page.js"></script>

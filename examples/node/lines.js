#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: the carom authors
//
// A sending pipeline that asks carom what to do with each reply that it received.
//
// usage: lines.js POLICY [OPTION…] <replies.tsv
// Each row is delivery, recipient and reply, with tabs between them: the pipeline's own id of message and recipient, the
// address, the server's words.
// For each one line is printed: what to do with that delivery. Options go to carom run. CAROM names the program.
'use strict';

const { spawn } = require('node:child_process');
const { createInterface } = require('node:readline');

// One process for as long as the pipeline lives. reply() resolves when what it tells is committed; many may be under
// way at once, the answers come in the same order.
class Carom {
  constructor(policy, ...options) {
    this.waiting = [];
    this.process = spawn(process.env.CAROM || 'carom', ['run', '--lines', '--policy', policy, ...options],
                         { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.process.stdout }).on('line', (line) => this.waiting.shift().resolve(JSON.parse(line)));
    this.ended = new Promise((resolve) => this.process.on('close', resolve));
    this.process.on('error', (why) => this.fail(why));
    this.process.stdin.on('error', (why) => this.fail(why));
    this.ended.then((code) => this.fail(new Error(`carom ended with ${code}; tell it again what was not answered`)));
  }

  fail(why) {
    for (const one of this.waiting.splice(0)) one.reject(why);
  }

  reply(line) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.process.stdin.write(JSON.stringify(line) + '\n');
    });
  }

  end() {
    this.process.stdin.end();
    return this.ended;
  }
}

function whatToDo(answer) {
  if (answer.error) return `look: line ${answer.line}: ${answer.error}`;
  const retry = answer.actions.find((action) => action.name === 'retry' && action.state === 'decided');
  if (retry) return `send again at ${retry.details.due}`;
  const fact = answer.facts[0];
  return fact.kind === 'delivered' ? 'done' : `drop: ${fact.reason}, the fault of ${fact.fault}`;
}

async function main(policy, ...options) {
  const carom = new Carom(policy, ...options);
  const told = [];
  for await (const row of createInterface({ input: process.stdin })) {
    const [delivery, recipient, reply] = row.split('\t');
    told.push(carom.reply({ delivery, recipient, reply })
      .then((answer) => console.log(`${delivery}: ${whatToDo(answer)}`)));
  }
  await Promise.all(told);
  process.exitCode = await carom.end();
}

if (process.argv.length < 3) {
  console.error('usage: lines.js POLICY [OPTION…] <replies.tsv');
  process.exitCode = 64;
} else {
  main(...process.argv.slice(2)).catch((why) => {
    console.error(String(why));
    process.exitCode = 70;
  });
}
